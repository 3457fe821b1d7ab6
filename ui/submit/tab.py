"""The Submit tab."""

import gradio as gr

from ui.context import Context


def build(context: Context) -> None:
    """Lay the tab out."""
    del context
    gr.HTML(html_template="<p>Submit</p>", elem_id="submit", apply_default_css=False)
