"""The application that people use: one FastAPI with a Gradio of four tabs mounted in it. `create_app` is the door.

Each tab is a folder: `tab.py` lays it out, `api.py` holds its routes, the rest runs in the browser.
"""
