"""What somebody might write into any field who wants a page, a file or a terminal to take it for more than text."""

RESULT_OF_TEMPLATE = "900049"  # what a template makes of the one in "markup"
TEXTS = {
    "markup": '{{7|add:900042}}<xss>"><img src=x onerror=alert(1)><svg/onload=alert(2)></title></style></textarea>'
    "</script><script>alert(3)</script><!-- ]]><![CDATA[",
    "attribute": "' onmouseover=alert(4) style=color:red \" onfocus=alert(5) autofocus z=` &lt;xss&gt;&#60;xss&#62;",
    "address": "javascript:alert(6)//%(x)s{0.__class__}{% now 'Y' %}",
    "elsewhere": "//evil.example/../?a=b&c=d#e;_5F%00%2e",
    "odd": "\u202egnp.\u2066x\u2028\u2029\u200f\ufeff \x1b[31m\x07\x08\x7f\x9b\x85\r\n<xss>",
    "formula": "=cmd|' /C calc'!A0",
}
LONG = "<xss>&\"' " * 10_000  # 100 kB
BROKEN = "\ud800 of a file \udcff<xss>"  # halves of pairs, as names of files that are no UTF-8 have
