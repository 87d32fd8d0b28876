"""The tree of a statement: frozen, slotted, typed dataclasses that do not depend on lark.

Code reads `nodes.Select`, `nodes.Update`, ...: all node types of the modules of this package.
"""

from tokensh.sql.nodes.queries import *  # noqa: F403 (a list of 70 names would only repeat the classes)
from tokensh.sql.nodes.statements import *  # noqa: F403 (the same)
