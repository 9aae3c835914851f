"""Sentences from elsewhere that people meet, taken into the desk's own catalogue.

Those of django-allauth: Django looks a sentence up in the desk's catalogue first, so that the
French of these is the desk's.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

SENTENCES = (
    lazy("Username or email"),
    lazy("Forgot your password?"),
    lazy("Username"),
    lazy("Email address"),
    lazy("Current Password"),
    lazy("New Password"),
    lazy("New Password (again)"),
    lazy("Password (again)"),
    lazy("The username and/or password you specified are not correct."),
    lazy("The email address and/or password you specified are not correct."),
    lazy("Too many failed login attempts. Try again later."),
    lazy("This account is currently inactive."),
    lazy("You must type the same password each time."),
    lazy("The new value must be different from the current one."),
    lazy("Please type your current password."),
    lazy("Incorrect code."),
    lazy("Incorrect password."),
    lazy("Code"),
    lazy("Authenticator code"),
    lazy("TOTP Authenticator"),
    lazy("Passwordless"),
    lazy(
        "Enabling passwordless operation allows you to sign in using just this key, but imposes"
        " additional requirements such as biometrics or PIN protection."
    ),
    lazy("Master key"),
    lazy("Backup key"),
    lazy("Use your password"),
    lazy("Use authenticator app or code"),
    lazy("Use a security key"),
    lazy("You cannot deactivate two-factor authentication."),
    lazy("This functionality requires JavaScript."),
    lazy("Be patient, you are sending too many requests."),
    lazy("Password successfully changed."),
    lazy("Authenticator app activated."),
    lazy("Authenticator app deactivated."),
    lazy("A new set of recovery codes has been generated."),
    lazy("Security key added."),
    lazy("Security key removed."),
    lazy("Signed out of all other sessions."),
    # the mail with a link; its template is a plain text, which the catalogue does not read
    lazy("To choose a password, open this address. It works once, for three days:"),
    lazy("This message signs no one in. If you did not ask for it, do nothing."),
)
