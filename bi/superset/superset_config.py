"""Superset's settings for `thongsuot superset`: one machine, loopback, nothing fetched from outside."""

import json
import os
from pathlib import Path
from typing import Any

HOME = Path(os.environ["THONGSUOT_SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret_key").read_text(encoding="ascii").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}?timeout=30"
APP_NAME = "Thông suốt"

# What a chart shows is what the marts hold now: no cache of data, no row cut off in silence.
CACHE_CONFIG = DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}

# Numbers and dates as they are printed in Vietnam.
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}
D3_TIME_FORMAT = {"dateTime": "%d/%m/%Y %H:%M:%S", "date": "%d/%m/%Y", "time": "%H:%M:%S"}

# The page may ask nobody but this server: Superset's own policy lets a telemetry pixel, fonts and maps out.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
# One server under loopback: cookies of its own name, so that another Superset is not signed out.
SESSION_COOKIE_NAME = "thongsuot_superset"
SESSION_COOKIE_SAMESITE = "Strict"

# Superset has no Vietnamese: what a reader of dashboards meets is in words.json, all else stays English.
LANGUAGES = {"vi": {"flag": "vn", "name": "Tiếng Việt"}, "en": {"flag": "us", "name": "English"}}
BABEL_DEFAULT_LOCALE = "vi"
WORDS = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))


def FLASK_APP_MUTATOR(app: Any) -> None:
    """The page's words in Vietnamese from our file; other languages as Superset has them."""
    from flask import jsonify, request

    @app.before_request
    def answer_with_our_words() -> Any:
        if request.path.rstrip("/").endswith("/language_pack/vi"):
            entries = {"": {"domain": "superset", "lang": "vi", "plural_forms": "nplurals=1; plural=0;"}}
            entries |= {english: [vietnamese] for english, vietnamese in WORDS.items()}
            return jsonify({"domain": "superset", "locale_data": {"superset": entries}})
        return None
