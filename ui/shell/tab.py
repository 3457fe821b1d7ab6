"""The frame around the tabs: header, person, theme, help; and what the browser loads first."""

import gradio as gr

from ui import assets

# Not for the head: the login page's, and that of a tab that brings its own.
ELSEWHERE = ("shell/login.css", "review/review.css")
SCRIPT = 'import("/ui/shell/shell.js").then((shell) => shell.mount(element));'


def head() -> str:
    """What stands in the page's head."""
    styles = [name for name in assets.files() if name.endswith(".css") and name not in ELSEWHERE]
    return (
        '<script src="/ui/shell/early.js"></script>'
        + "".join(f'<link rel="stylesheet" href="/ui/{name}">' for name in styles)
        + '<link rel="modulepreload" href="/ui/shell/kit.js"><link rel="modulepreload" href="/ui/shell/shell.js">'
    )


def build() -> None:
    """Lay out the right end of the header; its left is the row of tabs."""
    gr.HTML(html_template=assets.text("shell/header.html"), js_on_load=SCRIPT, elem_id="shell", apply_default_css=False)


def part(name: str) -> gr.HTML:
    """A tab that is files of its own: `name/name.html`, and `name/name.js` whose `mount(element)` brings it to life."""
    script = (
        f'Promise.all([import("/ui/shell/kit.js"), import("/ui/{name}/{name}.js")])'
        f'.then(([kit, tab]) => kit.keep("{name}", element, tab.mount));'
    )
    return gr.HTML(
        html_template=assets.text(f"{name}/{name}.html"),
        js_on_load=script,
        elem_id=name,
        apply_default_css=False,
    )
