// One tick a second for everything that shows a time.
class Clock {
  now = $state(new Date());
  constructor() {
    setInterval(() => { this.now = new Date(); }, 1_000);
  }
}
export const clock = new Clock();
