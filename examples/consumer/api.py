"""The four lines of HTTP that a consumer needs, and what each kind of refusal means for him."""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

from books import Refused


class Unavailable(Exception):
    """Nobody's fault for long: ask again, later."""

    def __init__(self, text, retry_after=0):
        super().__init__(text)
        self.retry_after = retry_after


class Api:
    def __init__(self, url, token=None, ca_file=None):
        self.url = url.rstrip("/")
        self.headers = {"Authorization": "Bearer " + token} if token else {}
        self.tls = ssl.create_default_context(cafile=ca_file) if self.url.startswith("https:") else None

    def get(self, path, timeout=30, **query):
        given = {key: value for key, value in query.items() if value is not None}
        request = urllib.request.Request(
            "%s%s?%s" % (self.url, path, urllib.parse.urlencode(given)), headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.tls) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from None
        except (OSError, http.client.HTTPException, ValueError) as why:  # no answer, or half of one
            raise Unavailable(str(why)) from None

    @staticmethod
    def _refusal(error):
        try:
            problem = json.load(error)  # RFC 9457
            kind, text = problem["type"].rpartition("#")[2], "%(title)s: %(detail)s" % problem
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
            kind, text = "", "not an answer of this service; is a proxy in between?"
        text = "%d %s" % (error.code, text)
        if error.code == 429 or error.code >= 500:
            wait = error.headers.get("Retry-After", "")
            return Unavailable(text, min(int(wait), 60) if wait.isdigit() else 0)
        return Refused(text + ADVICE.get(kind, ""))


ADVICE = {
    "feed-changed": """

The service is at another feed than the one that these books follow: its store was restored from a backup, or
replaced. Its event numbers start again, so the cursor means nothing there. Nothing was changed. What to do:

  1. Ask whoever runs the service whether it was restored, and whether this is the right address.
  2. If so:  consumer.py start-feed <the new feed's id, as named above>
     It reads the new feed from its first event. Credits stay as they are; each deposit is recognised by its
     id, so nothing is credited twice.
  3. consumer.py poll --once, then consumer.py check: that your books and the new feed agree, and which
     credits, if any, the new feed does not know.
""",
    "cursor-beyond-head": """

The service has fewer events than these books have seen of this very feed: it is not the store that gave these
numbers. Check the address, and whether somebody runs a copy of the store. Do not reset the cursor.
""",
}
