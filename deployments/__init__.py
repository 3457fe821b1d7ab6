"""The Serve endpoint: text or pictures in, vectors or matching clips out, over HTTP.

`app` is the FastAPI application, which knows no Ray; `serving` puts it on Ray Serve; `serve.yaml` is production.
"""
