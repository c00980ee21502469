"""OpenStack Swift as an S3 server in one process: `python swift_server.py FOLDER SECRET [PORT]`, by its own Python.

Says `{"endpoint": …}` in one line when it answers, and serves until its standard input closes, so that it
never outlives the tests that started it.
"""

import json
import sys
from pathlib import Path

import eventlet
import eventlet.hubs

eventlet.hubs.use_hub("poll")
eventlet.patcher.monkey_patch()

from eventlet import wsgi  # noqa: E402 - after patching
from swift.common.ring import RingBuilder  # noqa: E402 - after patching
from swift.common.storage_policy import reload_storage_policies  # noqa: E402 - after patching
from swift.common.utils import NullLogger  # noqa: E402 - after patching
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402 - after patching

BACKENDS = ("account", "container", "object")
PIPELINE = "catch_errors s3api tempauth copy slo proxy-server"

COMMON = """\
[DEFAULT]
swift_dir = {folder}
devices = {folder}/disks
mount_check = false
workers = 0
disable_fallocate = true
"""
BACKEND = """\
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = """\
[pipeline:main]
pipeline = {pipeline}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# What S3 is told for a bucket, Swift is told for all.
cors_allow_origin = *
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
check_bucket_owner = false
cors_preflight_allow_origin = *
# S3 asks for 5 MiB a part; Swift refuses less, as S3 does.
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_author = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
"""


def main(folder: Path, secret: str, port: int) -> None:
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    (folder / "disks" / "sda").mkdir(parents=True, exist_ok=True)  # what an earlier server kept there is served again
    use_configuration(folder)
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in BACKENDS}
    sockets["proxy"] = eventlet.listen(("127.0.0.1", port))
    for kind in BACKENDS:
        make_ring(folder, kind, sockets[kind].getsockname()[1])
        (folder / f"{kind}.conf").write_text(COMMON.format(folder=folder) + BACKEND.format(kind=kind))
    (folder / "proxy.conf").write_text(COMMON.format(folder=folder) + PROXY.format(pipeline=PIPELINE, secret=secret))
    for kind, listener in sockets.items():
        app = loadapp(str(folder / f"{kind}.conf"), global_conf={"log_name": kind})
        eventlet.spawn(serve, listener, app)
    eventlet.sleep(0)
    print(json.dumps({"endpoint": "127.0.0.1:{}".format(sockets["proxy"].getsockname()[1])}), flush=True)
    eventlet.tpool.execute(sys.stdin.read)


def use_configuration(folder: Path) -> None:
    """Swift looks for swift.conf in /etc unless told otherwise, and reads it while it is imported."""
    import swift.common.storage_policy
    import swift.common.utils

    swift.common.utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    swift.common.storage_policy.SWIFT_CONF_FILE = str(folder / "swift.conf")
    swift.common.utils.validate_hash_conf()
    reload_storage_policies()


def make_ring(folder: Path, kind: str, port: int) -> None:
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "sda", "weight": 1.0})
    ring.rebalance()
    ring.get_ring().save(str(folder / f"{kind}.ring.gz"))


def serve(listener: object, app: object) -> None:
    wsgi.server(listener, app, NullLogger(), protocol=SwiftHttpProtocol, capitalize_response_headers=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
