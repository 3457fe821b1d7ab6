"""The Review tab: HTML that its own script brings to life. No title and no name goes through a template."""

import json

import gradio as gr

from ui import assets
from ui.context import Context
from ui.review.keys import table


def build(context: Context) -> None:
    """Lay the tab out."""
    del context
    script = f'import("/ui/review/review.js").then((review) => review.mount(element, {json.dumps(table())}));'
    gr.HTML(
        html_template=assets.text("review/review.html"),
        css_template=assets.text("review/review.css"),
        js_on_load=script,
        elem_id="review",
        apply_default_css=False,
    )
