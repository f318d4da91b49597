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

  async fetch(path, parameters = [], accept = 'application/json') {
    const query = new URLSearchParams(parameters).toString();
    const url = path + (query ? '?' + query : '');
    const headers = {Authorization: 'Bearer ' + this.key, Accept: accept};
    if (this.tenant) headers['Quipu-Tenant'] = encodeTenant(this.tenant);
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
}

// Headers hold Latin-1 in a browser, and the server reads bytes: the name's UTF-8, byte by byte.
function encodeTenant(name) {
  return Array.from(new TextEncoder().encode(name), (byte) => String.fromCharCode(byte)).join('');
}
