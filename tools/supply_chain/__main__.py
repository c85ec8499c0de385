"""python -m tools.supply_chain VERB: lint nginx, check for advisories, write SBOMs."""

import argparse
import sys
from pathlib import Path

from tools.supply_chain import advisories, nginx_lint, sbom


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.supply_chain", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser(
        "lint",
        help="check the rendered nginx configuration with gixy, the locked packages with pip-audit",
    )
    one = verbs.add_parser("sbom", help="write a CycloneDX file for each image of a stack")
    one.add_argument("--stack", required=True)
    one.add_argument("--folder", type=Path, default=Path("sbom"))
    arguments = parser.parse_args()
    if arguments.verb == "lint":
        return 0 if all([nginx_lint.lint(), advisories.check()]) else 1
    return sbom.write(arguments.stack, arguments.folder)


if __name__ == "__main__":
    sys.exit(main())
