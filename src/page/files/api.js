// Questions to the server that gave this page. The key stays in this tab (sessionStorage), and goes nowhere but there.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
    this.title = {0: 'The server cannot be reached', 401: 'This key is not known', 403: 'This key may not read that', 404: 'Nothing there yet',
                  503: 'The server is busy'}[status];
    this.help = {0: 'It is asked again every few seconds.', 401: 'Sign out, and in again with a key of quipu key add --read.',
                 503: 'It is asked again every few seconds.'}[status];
  }
}

const kKept = 64;  // answers, so that what did not change is not sent again

export class Api {
  constructor(key, tenant) {
    this.key = key;
    this.tenant = tenant || '';
    this.kept = new Map();
  }

  headers(accept) {
    return {Authorization: 'Bearer ' + this.key, Accept: accept, ...(this.tenant ? {'Quipu-Tenant': encodeTenant(this.tenant)} : {})};
  }

  async fetch(path, parameters = [], accept = 'application/json') {
    const url = address(path, parameters);
    const headers = this.headers(accept);
    const known = this.kept.get(accept + url);
    if (known) headers['If-None-Match'] = known.tag;
    let response;
    try {
      response = await fetch(url, {headers, cache: 'no-store', credentials: 'omit'});
    } catch {
      throw new ApiError(0, 'Is quipu serve running, and this page from it?');
    }
    if (response.status === 304 && known) return known;
    const text = await response.text();
    if (!response.ok) {
      let message = text;
      try { message = JSON.parse(text).error || text; } catch { /* no JSON: as it is */ }
      throw new ApiError(response.status, message);
    }
    const answer = {text, tag: response.headers.get('ETag')};
    if (accept === 'application/json') answer.body = JSON.parse(text);
    if (answer.tag) {
      this.kept.delete(accept + url);
      this.kept.set(accept + url, answer);
      if (this.kept.size > kKept) this.kept.delete(this.kept.keys().next().value);
    }
    return answer;
  }

  async get(path, parameters) {
    return (await this.fetch(path, parameters)).body;
  }

  // Server-sent events of a question: heard() at each, lost() once, when there will be no more. What it gives back is aborted by
  // whoever wants no more. (The browser's own EventSource can send no key.)
  watch(parameters, heard, lost) {
    const end = new AbortController();
    const read = async () => {
      const response = await fetch(address('/v1/watch', parameters), {headers: this.headers('text/event-stream'), cache: 'no-store', credentials: 'omit', signal: end.signal});
      if (!response.ok || !response.body) return end.abort();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let line = '';  // the begin of the one that is not whole yet, as far as it tells its kind
      for (;;) {
        const {done, value} = await reader.read();
        if (done) return;
        const lines = value.split('\n');
        lines[0] = line + lines[0];
        line = lines.at(-1).slice(0, kKindLength);
        for (const whole of lines.slice(0, -1)) if (whole.startsWith('event:')) heard();
      }
    };
    read().catch(() => {}).finally(lost);
    return end;
  }
}

const kKindLength = 16;
function address(path, parameters) {
  const query = new URLSearchParams(parameters).toString();
  return path + (query ? '?' + query : '');
}

// Headers hold Latin-1 in a browser, and the server reads bytes: the name's UTF-8, byte by byte.
function encodeTenant(name) {
  return Array.from(new TextEncoder().encode(name), (byte) => String.fromCharCode(byte)).join('');
}
