/** Something that tells when it changed. */
export class Subscribable {
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.onFirst();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.onNone();
    };
  };

  protected notify(): void {
    for (const listener of this.#listeners) listener();
  }

  protected onFirst(): void {}

  protected onNone(): void {}
}
