CREATE TABLE retail_products (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    stock INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    price_cents INTEGER NOT NULL,
    responsible TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
);

CREATE TABLE retail_movements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    stock_after INTEGER NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX retail_movements_of ON retail_movements (sku, id);

CREATE TABLE retail_orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
);
CREATE INDEX retail_orders_of ON retail_orders (state, id);

CREATE TABLE retail_alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL
);
