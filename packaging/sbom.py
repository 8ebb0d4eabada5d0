"""Prints a CycloneDX document of the binary: sbom.py BINARY VERSION.

The components are the shared libraries of the binary with their Debian packages, the Swift runtime that is linked
statically, and the C++ headers that are compiled in.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone

binary, version = sys.argv[1], sys.argv[2]


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def package_of(path):
    """The Debian package of a file, by its path or by the path without the /usr of merged systems."""
    for candidate in (path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path):
        found = output("dpkg-query", "-S", candidate).split(": ")[0]
        if found:
            return found.split(":")[0]
    return None


def component(package):
    fields = output("dpkg-query", "-W", "-f", "${Version}\t${Architecture}", package).split("\t")
    return {
        "type": "library",
        "bom-ref": f"deb:{package}",
        "name": package,
        "version": fields[0],
        "purl": f"pkg:deb/debian/{package}@{fields[0]}?arch={fields[1]}",
    }


paths = re.findall(r"=> (/\S+)", output("ldd", binary))
packages = sorted({package for package in map(package_of, paths) if package} | {"libboost1.81-dev", "libtomlplusplus-dev"})
swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
components = [component(package) for package in packages if output("dpkg-query", "-W", package)]
components.append(
    {"type": "framework", "bom-ref": "swift", "name": "swift-runtime", "version": swift.group(1) if swift else "6"})
with open(binary, "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), timezone.utc)
json.dump(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": "flow",
                "name": "flow",
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
            },
        },
        "components": components,
        "dependencies": [{"ref": "flow", "dependsOn": [component["bom-ref"] for component in components]}],
    },
    sys.stdout,
    indent=2,
)
print()
