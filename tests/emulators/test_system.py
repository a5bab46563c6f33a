"""The emulators together."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.emulators.system import OfflineSystem


@pytest.mark.linux
def test_all_servers_listen_on_loopback_only(system: OfflineSystem) -> None:
    urls = (system.aws.url, system.x_url, system.rekognition_url)
    ports = {int(url.rpartition(":")[2]) for url in urls}
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) in ports:  # listening
                addresses.add(address)
    assert addresses == {"0100007F"}
