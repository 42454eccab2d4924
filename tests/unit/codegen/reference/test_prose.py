"""Documentation texts as HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_gen.reference.prose import first_sentence, inline, prose

from tests.unit.codegen.reference.pages import parse


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("One.\nTwo.\n\nThree.", "<p>One.\nTwo.</p>\n<p>Three.</p>"),
        ("Train from `weights`.", "<p>Train from <code>weights</code>.</p>"),
        ("<script>alert('x')</script>", "<p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</p>"),
        ('`<b>` & "q"', "<p><code>&lt;b&gt;</code> &amp; &#34;q&#34;</p>"),
        ("A `lone backtick", "<p>A `lone backtick</p>"),
        ("Items:\n- one\n  and more\n- two", "<p>Items:</p>\n<ul><li>one\nand more</li><li>two</li></ul>"),
        ("1. one\n2) two", "<ol><li>one</li><li>two</li></ol>"),
        ("- \n-5 is no item", "<p>-\n-5 is no item</p>"),
        (
            "```\na < b\n\n\n  c\n```\nafter",
            '<pre tabindex="0"><code>a &lt; b&#10;&#10;&#10;  c</code></pre>\n<p>after</p>',
        ),
        ("```", '<pre tabindex="0"><code></code></pre>'),
        (
            "See https://a.example/b?c=d&e.",
            '<p>See <a href="https://a.example/b?c=d&amp;e" rel="noreferrer">https://a.example/b?c=d&amp;e</a>.</p>',
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
    ],
)
def test_blocks(text: str, html: str) -> None:
    assert str(prose(text)) == html


def test_code_that_names_something_links_to_it() -> None:
    html = inline("`Known` and `other`", lambda name: "p.html#Known" if name == "Known" else "")
    assert str(html) == '<a href="p.html#Known"><code>Known</code></a> and <code>other</code>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", ""), ("One. Two.", "One."), ("One\nline here", "One line here"), ("v1.2 is out!\n\nMore.", "v1.2 is out!")],
)
def test_first_sentences(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@given(st.text(alphabet=st.sampled_from("ab<>&\"'`-*1.) \n/:hpst#"), max_size=80))
def test_every_text_is_well_formed_and_loses_no_word(text: str) -> None:
    page = parse(str(prose(text)))
    assert set(page.tags) <= {"p", "ul", "ol", "li", "pre", "code", "a"}
    letters = [character for character in text if character in "ab<>&\"'"]
    assert [character for character in page.text if character in "ab<>&\"'"] == letters or "```" in text
