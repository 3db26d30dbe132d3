"""What of a page could act though it should be text, and all the text of it."""

from html.parser import HTMLParser

from tests.admin.escape.texts import RESULT_OF_TEMPLATE

ADDRESSES = ("href", "src", "action", "formaction", "xlink:href", "poster", "background", "cite", "srcset", "data")
OURS = ("/", "?", "#", ".", "http://testserver/")
ELEMENTS = """
    html head title link meta script body div a p form input button label span header main footer nav ul ol li dl dt dd
    h1 h2 h3 h4 search table caption thead tbody tfoot tr th td strong small em code pre details summary section article
    aside select option optgroup textarea fieldset legend time progress img br hr abbr bdi wbr kbd output dialog
    svg g symbol use path rect line polyline polygon circle text
"""
FORBIDDEN = ("style", "srcdoc", "is", "ping")


class Audit(HTMLParser):
    """`found`: whatever is no plain page of ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.links: list[str] = []
        self.fields: list[str] = []
        if RESULT_OF_TEMPLATE in page:
            self.found.append("a template was run")
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ELEMENTS.split() or (tag == "script" and "src" not in given):
            self.found.append(f"element {tag}")
        if len(given) < len(attrs):
            self.found.append(f"an attribute twice in {tag}")
        if tag == "meta" and "http-equiv" in given:
            self.found.append("meta http-equiv")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        self._keep(tag, given)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        self.text.append(value)
        if name in FORBIDDEN or name.startswith("on") or (name == "autofocus" and tag != "input"):
            self.found.append(f"attribute {name} of {tag}")
        if name in ADDRESSES and value and (not value.startswith(OURS) or value.startswith(("//", "/\\"))):
            self.found.append(f"{name} of {tag}: {value[:60]!r}")

    def _keep(self, tag: str, given: dict[str, str | None]) -> None:
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "submit"):
            self.fields.append(given.get("name") or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        if "xss" in data or "[CDATA" in data:
            self.found.append("comment")

    def shows(self, text: str) -> bool:
        """Whether it stands there, as text."""
        wanted = "".join(text.split())
        return any(wanted in "".join(one.split()) for one in self.text)
