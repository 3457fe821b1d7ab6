"""The frame around the tabs: header, person, theme, help; and what the browser loads first."""

import gradio as gr

from ui import assets

SCRIPT = 'import("/ui/shell/shell.js").then((shell) => shell.mount(element));'


def head() -> str:
    """What stands in the page's head."""
    return (
        '<link rel="stylesheet" href="/ui/shell/style.css"><script src="/ui/shell/early.js"></script>'
        '<link rel="modulepreload" href="/ui/shell/shell.js">'
    )


def build() -> None:
    """Lay out the right end of the header; its left is the row of tabs."""
    gr.HTML(html_template=assets.text("shell/header.html"), js_on_load=SCRIPT, elem_id="shell", apply_default_css=False)
