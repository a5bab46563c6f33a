"""The emulated AWS: ministack, with a plug-in for each service in which it differs from AWS.

    PYTHONPATH=scripts python -m kit.emulators.aws

A plug-in replaces private functions of ministack, which is why its version is pinned; install()
puts it in. Each file names the text of AWS that it follows, and where ministack stands. `process`
starts all this as a child process, `app` puts it together.
"""
