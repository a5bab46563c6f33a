"""Ace, the editor: the static files of the package django-ace, and of those only what is used.

Django itself comes with the package, and is not imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

SCRIPTS = ("ace", "mode-python", "theme-cloud_editor", "theme-cloud_editor_dark")
EXTENSIONS = ("ext-searchbox", "ext-diff")
STYLES = ("ace", "theme/cloud_editor", "theme/cloud_editor_dark")
FILES = {f"{name}.js" for name in (*SCRIPTS, *EXTENSIONS)} | {f"css/{name}.css" for name in STYLES}


def folder() -> Path:
    """Where the package has Ace.

    Raises:
        HTTPException: the package is not installed.
    """
    found = importlib.util.find_spec("django_ace")
    if found is None or not found.submodule_search_locations:
        raise HTTPException(404, "The editor is not installed: make workshop installs it.")
    return Path(found.submodule_search_locations[0]) / "static" / "django_ace" / "ace"


async def file(request: Request) -> Response:
    """GET /ace/{path}: one of its files; the styles also ask for small pictures beside them."""
    path = request.path_params["path"]
    parent, _, name = path.rpartition("/")
    is_picture = parent == "css" and name.startswith("main-") and name.endswith((".png", ".svg"))
    target = folder() / path
    if (path not in FILES and not is_picture) or not target.is_file():
        raise HTTPException(404, "There is no such file of the editor.")
    return FileResponse(target, headers={"Cache-Control": "private, max-age=86400"})
