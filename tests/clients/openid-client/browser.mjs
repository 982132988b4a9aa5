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

/** Whether an address is this one, whatever it carries. */
export const isAt = (target) => (url) => Boolean(target) && url.origin + url.pathname === new URL(target).origin + new URL(target).pathname;

/** The stable `id` of an end or error page, else its status. */
export function end(page) {
  return /\bid="((?:err|guardian|answered)-[\w-]+)"/.exec(page.html ?? '')?.[1] ?? `status ${page.status}`;
}

/** Somebody at a browser of her own. */
export class Visitor {
  #browser = new Browser();
  #own;

  constructor({ login, password, identity }) {
    this.#own = { login, password, identity };
  }

  /** What she does on this page; `undefined` when there is nothing to do on it. */
  #answer(page, says) {
    const { login, password, identity } = this.#own;
    for (const form of forms(page.html)) {
      const offers = (name) => form.offered.filter((field) => field.name === name);
      if (offers('password').length) return { name: 'password', form, answers: { login, password } };
      if (offers('user_code').length) return { name: 'user_code', form, answers: { user_code: offers('user_code')[0].value } };
      if (offers('identity').length) {
        const wanted = offers('identity').find((field) => field.value === identity) ?? offers('identity')[0];
        return { name: 'identity', form, answers: { identity: wanted.value } };
      }
      if (offers('decision').length) return { name: 'decision', form, answers: { decision: 'allow' } };
      if (offers('confirm').length) return { name: 'confirm', form, answers: { confirm: says } };
    }
    return undefined;
  }

  /** Walks through the provider's pages until the browser is sent to `stop`, or a page has nothing to do. */
  async walk(address, stop, says = 'yes') {
    return this.#follow(await this.#browser.go(address, stop), stop, says);
  }

  async #follow(page, stop, says) {
    const pages = [];
    while (!page.arrived && !end(page).startsWith('answered-') && pages.length < 10) {
      const next = this.#answer(page, says);
      if (!next) break;
      if (pages.at(-1) === next.name) throw new Error(`the page with "${next.name}" came again (status ${page.status})`);
      pages.push(next.name);
      page = await this.#browser.submit(page.url, next.form, next.answers, stop);
    }
    return { ...page, pages };
  }

  /** Signs in by herself and answers the question that waits on her first page. */
  async findQuestion(issuer) {
    const never = () => false;
    const arrival = await this.#browser.go(`${issuer}/sign-in`, never);
    const { form, answers } = this.#answer(arrival);
    await this.#browser.submit(arrival.url, form, answers, never);
    const home = await this.#browser.go(`${issuer}/`, never);
    const waiting = forms(home.html).find((one) => one.offered.some((field) => field.name === 'question'));
    if (!waiting) throw new Error('no question waits');
    const question = waiting.offered.find((field) => field.name === 'question').value;
    return this.#follow(await this.#browser.submit(home.url, waiting, { question }, never), never, 'yes');
  }
}
