"""Routes published to Kamailio proxies: a dispatcher list, reloaded and read back by JSON-RPC.

:mod:`~releve.routing.kamailio.configuration` makes the configuration of such a proxy from the
operator's tables.
"""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.routing.kamailio.adapter import KamailioProxy, from_environment
    from releve.routing.kamailio.configuration import ProxySettings, build_proxy_files, compute_configuration_digest
else:
    __getattr__ = build_lazy_face(__name__)
