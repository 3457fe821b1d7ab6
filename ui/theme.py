"""Gradio's theme, all of it drawn from the tokens of `shell/style.css`, so that there is one place for every colour.

Light and dark are a matter of the tokens alone: both halves of Gradio's theme name the same ones.
"""

from gradio.themes import Base
from gradio.themes.utils.fonts import LocalFont

# Of Gradio's bundled IBM Plex only these weights hold all Latin letters.
WEIGHTS = (400, 700)

_TOKENS = {
    "body_background_fill": "--h-bg",
    "body_text_color": "--h-text",
    "body_text_color_subdued": "--h-text-2",
    "background_fill_primary": "--h-bg",
    "background_fill_secondary": "--h-surface",
    "block_background_fill": "--h-surface",
    "block_border_color": "--h-line",
    "border_color_primary": "--h-line",
    "border_color_accent": "--h-accent",
    "color_accent": "--h-accent",
    "color_accent_soft": "--h-accent-soft",
    "input_background_fill": "--h-raised",
    "input_border_color": "--h-line",
    "link_text_color": "--h-accent",
    "link_text_color_hover": "--h-accent",
    "link_text_color_visited": "--h-accent",
    "link_text_color_active": "--h-accent",
}


def theme() -> Base:
    """The theme object."""
    made = Base(
        font=[LocalFont("IBM Plex Sans", weights=WEIGHTS), "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", weights=WEIGHTS), "ui-monospace", "monospace"],
    )
    values = {name: f"var({token})" for name, token in _TOKENS.items()}
    dark = {f"{name}_dark": value for name, value in values.items() if hasattr(made, f"{name}_dark")}
    return made.set(
        **values,
        **dark,
        layout_gap="0px",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_radius="0px",
        block_padding="0px",
    )
