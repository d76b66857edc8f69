"""The vendor's app for Django takes SMS: it checks the signature, reads the message, and joins its parts.

What is written here is what its README asks for. Usage: python3 app.py SECRET METHOD; it prints its port. METHOD is md5, sha1,
sha256 or sha512, or empty for MD5 without HMAC.
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

settings.configure(
    SECRET_KEY="of this run",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["djnexmo"],
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    NEXMO_SIGNATURE_SECRET=sys.argv[1],
    NEXMO_SIGNATURE_METHOD=sys.argv[2] or None,
)
django.setup()
call_command("migrate", verbosity=0)

from django.http import HttpResponse  # noqa: E402  (after the settings)
from django.urls import path  # noqa: E402
from djnexmo.decorators import sms_webhook  # noqa: E402


@sms_webhook
def inbound(request):
    assert request.sms.msisdn and request.sms.message_id
    # What it read, for whoever looks at the whole answer.
    return HttpResponse("read: " + request.sms.text)


urlpatterns = [path("webhooks/inbound-sms", inbound)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
