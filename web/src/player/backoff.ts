// Waits between tries: doubled up to a limit, spread so that sixty consoles do not knock at the same moment.

export class Backoff {
  private tries_ = 0;
  constructor(
    private readonly firstMs = 500,
    private readonly limitMs = 30_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds until the next try: between half and all of the doubled wait. */
  next(): number {
    const full = Math.min(this.limitMs, this.firstMs * 2 ** Math.min(this.tries_, 20));
    this.tries_ += 1;
    return full * (0.5 + this.random() / 2);
  }
  reset(): void {
    this.tries_ = 0;
  }
}
