// As much of a browser as plain pages need: cookies, redirects, forms. No script, no style.

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(parseInt(decimal, 10));
    return ENTITIES[name.toLowerCase()] ?? whole;
  });
}

function attributes(tag) {
  const found = {};
  const body = tag.replace(/^<\w+/, '').replace(/\/?>$/, '');
  for (const [, name, double, single, bare] of body.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    found[name.toLowerCase()] = decode(double ?? single ?? bare ?? '');
  }
  return found;
}

/** The forms of a page: where they go, what they carry unseen, and what a person may fill in or press. */
export function forms(html) {
  return [...html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/gi)].map(([, tag, body]) => {
    const { action = '', method = 'get' } = attributes(tag);
    const fields = [...body.matchAll(/<(?:input|button)\b[^>]*>/gi)].map(([field]) => attributes(field));
    const hidden = fields.filter((field) => field.type === 'hidden' && field.name);
    const offered = fields.filter((field) => field.type !== 'hidden' && field.name);
    return { action, method: method.toLowerCase(), hidden, offered };
  });
}

export class Browser {
  #cookies = new Map();

  #remember(url, response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...rest] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      const flags = Object.fromEntries(rest.map((part) => [part.split('=')[0].toLowerCase(), part.split('=')[1] ?? '']));
      const name = pair.slice(0, at);
      const path = flags.path || '/';
      const key = `${url.hostname} ${path} ${name}`;
      const gone = flags['max-age'] === '0' || Number(flags['max-age']) < 0 || (flags.expires && Date.parse(flags.expires) <= Date.now());
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, { host: url.hostname, path, name, value: pair.slice(at + 1), secure: 'secure' in flags });
    }
  }

  #cookieHeader(url) {
    const under = (path) => path === '/' || url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    return [...this.#cookies.values()]
      .filter((cookie) => cookie.host === url.hostname && under(cookie.path) && (!cookie.secure || url.protocol === 'https:'))
      .map((cookie) => `${cookie.name}=${cookie.value}`)
      .join('; ');
  }

  async #once(url, init) {
    const headers = { accept: 'text/html', 'accept-language': 'en', ...init.headers };
    const cookies = this.#cookieHeader(url);
    if (cookies) headers.cookie = cookies;
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    this.#remember(url, response);
    return response;
  }

  /** Follows redirects until a page comes, or until `stop` accepts the next address (which is not fetched). */
  async go(address, stop, init = {}) {
    let url = new URL(address);
    for (let hop = 0; hop < 20; hop += 1) {
      if (stop(url)) return { arrived: url };
      const response = await this.#once(url, init);
      const location = response.headers.get('location');
      const html = await response.text();
      if (response.status < 300 || response.status >= 400 || !location) return { url, status: response.status, html };
      url = new URL(location, url);
      init = {};
    }
    throw new Error(`more than 20 redirects, the last to ${url.origin}${url.pathname}`);
  }

  /** Sends a form of the page at `url`; hidden fields go back unchanged. */
  async submit(url, form, answers, stop) {
    const body = new URLSearchParams(form.hidden.map((field) => [field.name, field.value ?? '']));
    for (const [name, value] of Object.entries(answers)) body.set(name, value);
    const target = new URL(form.action || url, url);
    if (form.method !== 'post') {
      target.search = body.toString();
      return this.go(target, stop);
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: url.origin };
    return this.go(target, stop, { method: 'POST', body, headers });
  }
}
