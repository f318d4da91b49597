// When a view looks again: at once when a commit changed the answer of its question (GET /v1/watch), every few seconds where
// that cannot be had, and now and then in any case, since time passes. Never while nobody sees the page.
const kLookMs = 3000, kSlowlyMs = 30000, kListenAgainMs = 20000;

export class Live {
  // watched: parameters of a question, or null. look: asks and draws; looks never overlap.
  constructor(api, watched, look) {
    Object.assign(this, {api, watched, look, stream: null, timer: 0, again: 0, looking: false, wanted: false, ended: false});
    this.seen = () => { document.hidden ? this.leave() : (this.listen(), this.now()); };
  }

  async begin() {
    document.addEventListener('visibilitychange', this.seen);
    await this.now(true);
    this.listen();
  }
  end() {
    this.ended = true;
    document.removeEventListener('visibilitychange', this.seen);
    clearTimeout(this.timer);
    this.leave();
  }

  async now(first = false) {
    if (this.ended || (document.hidden && !first)) return;
    if (this.looking) {
      this.wanted = true;  // what came meanwhile may not be in that answer
      return;
    }
    this.looking = true;
    clearTimeout(this.timer);
    await this.look();
    this.looking = false;
    if (this.wanted) {
      this.wanted = false;
      return this.now();
    }
    this.later();
  }
  later() {
    clearTimeout(this.timer);
    if (!this.ended) this.timer = setTimeout(() => this.now(), this.stream ? kSlowlyMs : kLookMs);
  }

  listen() {
    clearTimeout(this.again);
    if (this.ended || this.stream || !this.watched || document.hidden) return;
    this.tell('asked');
    const stream = this.api.watch(this.watched, () => { this.tell('watched'); this.now(); }, () => {
      if (this.stream !== stream) return;
      this.stream = null;
      this.tell('asked');
      this.later();
      this.again = setTimeout(() => this.listen(), kListenAgainMs);
    });
    this.stream = stream;
  }
  leave() {
    clearTimeout(this.again);
    const stream = this.stream;
    this.stream = null;
    if (stream) stream.abort();
    this.tell('asked');
  }
  tell(how) {
    document.documentElement.dataset.live = how;
  }
}
