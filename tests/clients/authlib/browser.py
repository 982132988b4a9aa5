"""As much of a browser as plain pages need: cookies, redirects, forms. No script, no style."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


@dataclass
class Form:
    """Where it goes, what it carries unseen, and what a person may fill in or press."""

    action: str
    hidden: dict = field(default_factory=dict)
    offered: list = field(default_factory=list)

    def offers(self, name):
        return [value for known, value in self.offered if known == name]


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self._open = None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._open = Form(attributes.get("action") or "")
            self.found.append(self._open)
        elif tag in ("input", "button") and self._open and attributes.get("name"):
            if attributes.get("type") == "hidden":
                self._open.hidden[attributes["name"]] = attributes.get("value") or ""
            else:
                self._open.offered.append((attributes["name"], attributes.get("value") or ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None


def forms(html):
    """The forms of a page."""
    parser = _Forms()
    parser.feed(html)
    return parser.found


@dataclass
class Page:
    """Where the browser is; `html` is none when it arrived at an address that is not fetched."""

    url: str
    status: int = 0
    html: str | None = None


class Browser:
    def __init__(self):
        self._http = requests.Session()
        self._http.headers["accept-language"] = "en"
        # Settings of the machine (a proxy, a netrc) are no part of the test.
        self._http.trust_env = False

    def go(self, url, stop, form=None):
        """Follows redirects until a page comes, or until the address is `stop` (without its query)."""
        for _ in range(20):
            if stop and url.split("?")[0] == stop:
                return Page(url)
            if form is None:
                answer = self._http.get(url, allow_redirects=False, timeout=30)
            else:
                origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
                answer = self._http.post(url, form, headers={"origin": origin}, allow_redirects=False, timeout=30)
            location = answer.headers.get("location")
            if not (300 <= answer.status_code < 400 and location):
                return Page(url, answer.status_code, answer.text)
            url, form = urljoin(url, location), None
        raise RuntimeError("more than 20 redirects")

    def submit(self, page, form, answers, stop):
        """Sends a form of the page; hidden fields go back unchanged."""
        return self.go(urljoin(page.url, form.action or page.url), stop, {**form.hidden, **answers})
