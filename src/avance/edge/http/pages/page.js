// Shows /openapi.json or /asyncapi.json. Everything that comes from the document goes into the page as text.
"use strict";

const TEXTS = {
  en: { skip: "Skip to the content", token: "Token", use: "Use", loading: "Loading …", denied: "This document needs a token: paste one above.",
    failed: "The document could not be loaded", name: "Name", where: "In", type: "Type", about: "About", body: "Body", send: "Send", answer: "Answer",
    sends: "The server sends", receives: "The server takes", schemas: "Types", required: "required", credentials: "token" },
  es: { skip: "Saltar al contenido", token: "Token", use: "Usar", loading: "Cargando …", denied: "Este documento necesita un token: péguelo arriba.",
    failed: "No se pudo cargar el documento", name: "Nombre", where: "En", type: "Tipo", about: "Descripción", body: "Cuerpo", send: "Enviar", answer: "Respuesta",
    sends: "El servidor envía", receives: "El servidor acepta", schemas: "Tipos", required: "obligatorio", credentials: "token" },
};
const language = navigator.language.toLowerCase().startsWith("es") ? "es" : "en";
const t = (key) => TEXTS[language][key];
const TOKEN = "avance-docs-token";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child != null));
  return element;
}

const follow = (spec, value) => {
  let found = value;
  for (let hops = 0; found && found.$ref && hops < 8; hops += 1) {
    found = found.$ref.slice(2).split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
  }
  return found ?? {};
};

function kind(spec, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.map((one) => kind(spec, one)).join(" | ");
  if (schema.type === "array") return `${kind(spec, schema.items) || "any"}[]`;
  return Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "any";
}

function table(headings, rows) {
  return make("table", {},
    make("thead", {}, make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))));
}

function properties(spec, schema) {
  const shape = follow(spec, schema);
  const rows = Object.entries(shape.properties || {}).map(([name, value]) => [
    make("code", {}, name), kind(spec, value) + ((shape.required || []).includes(name) ? ` (${t("required")})` : ""), value.description || ""]);
  return rows.length ? table([t("name"), t("type"), t("about")], rows) : make("pre", {}, JSON.stringify(shape, null, 2));
}

function example(spec, schema) {
  const shape = follow(spec, schema);
  const filled = {};
  for (const name of shape.required || []) {
    const value = follow(spec, shape.properties?.[name]);
    filled[name] = value.default ?? ({ string: "", integer: 0, number: 0, boolean: false, array: [], object: {} })[value.type] ?? null;
  }
  return JSON.stringify(filled, null, 2);
}

function tryForm(spec, verb, path, operation) {
  const parameters = (operation.parameters || []).map((one) => follow(spec, one));
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const fields = parameters.map((one) => make("label", {}, `${one.name} `, make("input", { name: `${one.in}:${one.name}`, autocomplete: "off" })));
  const body = schema ? make("textarea", { name: "body", spellcheck: "false", "aria-label": t("body") }) : null;
  if (body) body.value = example(spec, schema);
  const output = make("pre", { role: "status", hidden: "" });
  const form = make("form", {}, ...fields.map((field) => make("p", {}, field)), body, make("p", {}, make("button", {}, t("send"))), output);
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    let target = path;
    const query = new URLSearchParams();
    for (const one of parameters) {
      const value = form.elements[`${one.in}:${one.name}`].value;
      if (one.in === "path") target = target.replace(`{${one.name}}`, encodeURIComponent(value));
      else if (value) query.set(one.name, value);
    }
    const headers = { ...credentials(), ...(body ? { "Content-Type": "application/json" } : {}) };
    const address = document.body.dataset.prefix + target + (String(query) ? `?${query}` : "");
    output.hidden = false;
    try {
      const answer = await fetch(address, { method: verb.toUpperCase(), headers, body: body ? body.value : undefined });
      const text = await answer.text();
      output.textContent = `${answer.status} ${answer.statusText}\n${pretty(text)}`;
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return form;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function drawHttp(spec, main) {
  const groups = new Map();
  for (const [path, verbs] of Object.entries(spec.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      if (!operation || typeof operation !== "object" || Array.isArray(operation)) continue;
      const tag = operation.tags?.[0] || "avance";
      groups.set(tag, [...(groups.get(tag) || []), { path, verb, operation }]);
    }
  }
  for (const [tag, operations] of groups) {
    main.append(make("h2", {}, tag));
    for (const { path, verb, operation } of operations) {
      const parameters = (operation.parameters || []).map((one) => follow(spec, one));
      const schema = operation.requestBody?.content?.["application/json"]?.schema;
      const answers = Object.entries(operation.responses || {}).flatMap(([status, one]) =>
        Object.entries(one.content || {}).map(([media, content]) => [status, media, kind(spec, content.schema)]));
      main.append(make("details", {},
        make("summary", {}, make("span", { class: "verb" }, verb.toUpperCase()), make("span", { class: "path" }, path), make("span", { class: "about" }, operation.summary || "")),
        make("div", {},
          parameters.length ? table([t("name"), t("where"), t("type"), t("about")],
            parameters.map((one) => [make("code", {}, one.name), one.in, kind(spec, one.schema), one.schema?.description || one.description || ""])) : null,
          schema ? make("h3", {}, `${t("body")}: ${kind(spec, schema)}`) : null,
          schema ? properties(spec, schema) : null,
          make("h3", {}, t("answer")), table(["", "", t("type")], answers),
          tryForm(spec, verb, path, operation))));
    }
  }
  drawSchemas(spec, main);
}

function drawSockets(spec, main) {
  for (const [name, channel] of Object.entries(spec.channels)) {
    main.append(make("h2", { id: name }, make("code", {}, channel.address)), make("p", {}, channel.description || ""));
    for (const operation of Object.values(spec.operations)) {
      if (operation.channel.$ref !== `#/channels/${name}`) continue;
      main.append(make("h3", {}, operation.action === "send" ? t("sends") : t("receives")));
      for (const one of operation.messages) {
        const message = follow(spec, one);
        main.append(make("details", {},
          make("summary", {}, make("span", { class: "path" }, message.name), make("span", { class: "about" }, message.summary || "")),
          make("div", {}, properties(spec, message.payload))));
      }
    }
  }
  drawSchemas(spec, main);
}

function drawSchemas(spec, main) {
  main.append(make("h2", {}, t("schemas")));
  for (const [name, schema] of Object.entries(spec.components?.schemas || {}).sort()) {
    main.append(make("details", { id: `type-${name}` }, make("summary", {}, make("span", { class: "path" }, name)), make("div", {}, properties(spec, schema))));
  }
}

function credentials() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function load() {
  const main = document.getElementById("main");
  const status = make("p", { role: "status", id: "status" }, t("loading"));
  main.replaceChildren(status);
  try {
    const answer = await fetch(document.body.dataset.source, { headers: credentials() });
    if (answer.status === 401 || answer.status === 403) {
      status.textContent = t("denied");
      return;
    }
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    const spec = await answer.json();
    document.title = `${spec.info.title} ${spec.info.version}`;
    main.replaceChildren(make("p", {}, spec.info.description || ""));
    (spec.asyncapi ? drawSockets : drawHttp)(spec, main);
  } catch (error) {
    status.textContent = `${t("failed")}: ${error.message}`;
  }
}

document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
document.getElementById("credentials").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  sessionStorage.setItem(TOKEN, submitted.target.elements.token.value.trim());
  submitted.target.reset();
  load();
});
load();
