"""A client of what an emulator has below /_workshop/."""

from __future__ import annotations

from typing import Any

import requests


class AdminClient:
    """Asks one emulator.

    Args:
        url: of the emulator, such as http://127.0.0.1:4570.
        token: the workshop's; see `kit.keys`.
        timeout: seconds that an answer may take.

    Raises:
        requests.RequestException: from each method, if the emulator refuses or does not answer.
    """

    def __init__(self, url: str, token: str, timeout: float = 60.0) -> None:
        self.url = f"{url}/_workshop/"
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy between here and 127.0.0.1
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path, such as stats."""
        return self._send("GET", path, params=query).json()

    def post(self, path: str, body: Any) -> requests.Response:
        """Send something as JSON, such as a fault."""
        return self._send("POST", path, json=body)

    def delete(self, path: str) -> None:
        """Delete what is at a path: all faults."""
        self._send("DELETE", path)

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        answer = self.session.request(method, self.url + path, timeout=self.timeout, **content)
        answer.raise_for_status()
        return answer
