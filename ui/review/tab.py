"""The Review tab."""

import gradio as gr

from ui.context import Context


def build(context: Context) -> None:
    """Lay the tab out."""
    del context
    gr.HTML(html_template="<p>Review</p>", elem_id="review", apply_default_css=False)
