"""Puts the Breaker tab into Locust's page, with a Flask blueprint, a signal and a response hook."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, before_render_template, jsonify, request, send_from_directory
from locust.env import Environment
from locust.web import WebUI

from locustfiles.live.board import Board
from locustfiles.live.form import Choices
from locustfiles.live.guard import Guard

__all__ = ["add_pages"]

TAB = {"title": "Breaker", "key": "breaker"}
HERE = Path(__file__).parent
SCRIPT = b'<script type="module" src="./tripcurve/breaker.js"></script>'


def add_pages(environment: Environment, board: Board) -> None:
    """Add the tab to this process's web page. A headless process has no page, and nothing is added."""
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    base = environment.parsed_options.web_base_path if environment.parsed_options is not None else None
    web_ui.app.register_blueprint(_blueprint(web_ui, board), url_prefix=f"{base or ''}/tripcurve")
    choices = Choices.of(environment.parsed_options or Namespace())
    _change_index(web_ui.app, board, choices)
    Guard(web_ui.host, web_ui.port, choices.problem).protect(web_ui.app)


def _blueprint(web_ui: WebUI, board: Board) -> Blueprint:
    pages = Blueprint("tripcurve", __name__)
    guarded = web_ui.auth_required_if_enabled

    @pages.get("/breaker.json")
    @guarded  # type: ignore[untyped-decorator]  # Locust ships no types for it
    def breaker() -> Response:
        return jsonify(board.snapshot())

    @pages.get("/breaker.js")
    def script() -> Response:
        return send_from_directory(HERE, "breaker.js")

    @pages.get("/report/<path:name>")
    @guarded  # type: ignore[untyped-decorator]  # Locust ships no types for it
    def report(name: str) -> Response:
        made = board.report
        if made is None or made.folder is None or made.state != "done":
            abort(404)
        return send_from_directory(made.folder, name)  # refuses a name that leads out of the folder

    return pages


def _change_index(app: Flask, board: Board, choices: Choices) -> None:
    def prepare(sender: Flask, template: Any, context: dict[str, Any], **_: object) -> None:
        if template.name == "index.html" and "template_args" in context:
            context["template_args"]["extended_tabs"] = [TAB]
            context["template_args"]["state"] = _shown_state(board, context["template_args"]["state"])
            choices.offer(context["template_args"])

    def add_script(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data().replace(b"</body>", SCRIPT + b"</body>", 1))
        elif request.endpoint == "locust.request_stats" and response.is_json:
            content = response.get_json()
            response.set_data(json.dumps(content | {"state": _shown_state(board, content["state"])}))
        return response

    before_render_template.connect(prepare, app, weak=False)
    app.after_request(add_script)


def _shown_state(board: Board, state: str) -> str:
    """Return the state to show: Locust says `ready` until users start, which would bring the start form back."""
    return "spawning" if state == "ready" and board.preparing else state
