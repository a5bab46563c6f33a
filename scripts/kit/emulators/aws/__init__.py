"""The emulated AWS: ministack, with a plug-in for each service in which it differs from AWS.

    PYTHONPATH=scripts python -m kit.emulators.aws

A plug-in replaces private functions of ministack, which is why ministack's version is pinned. Its
docstring names the documents of AWS that it follows and the difference of ministack that it is
for; its install() installs it. `app` puts the emulator together, `process` starts it as a child.
"""
