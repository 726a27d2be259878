"""What is known about failures, as tables: the libraries' names, the vendors' names and words.

`faults` reads them. A CLEAR name decides wherever it stands in a chain of causes; a VAGUE one only
where no link of the chain is clear. Of a class's bases the nearest one listed decides.
"""

import json
import re
import socket
import ssl
from collections.abc import Mapping

import msgspec

import errors
from errors import Fault

LIBRARIES = frozenset({"openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2"})

# What they tell in the text of an exception only.
SIGNS: tuple[tuple[str, type[Fault]], ...] = (
    ("without sending complete message body", errors.Truncated),
    ("Server disconnected", errors.Reset),
)
# What the libraries' names say. The first base that is here decides.
CLEAR: Mapping[str, type[Fault]] = {
    "ConnectError": errors.Unreachable,
    "ConnectTimeout": errors.Unreachable,
    "PoolTimeout": errors.Unreachable,
    "ConnectionNotAvailable": errors.Unreachable,
    "ProxyError": errors.Unreachable,
    "UnsupportedProtocol": errors.Unreachable,
    "InvalidURL": errors.Unreachable,
    "ReadError": errors.Reset,
    "WriteError": errors.Reset,
    "CloseError": errors.Reset,
    "CredentialsError": errors.Unauthorized,
    "OAuthError": errors.Unauthorized,
    "WorkloadIdentityError": errors.Unauthorized,
    "SubjectTokenProviderError": errors.Unauthorized,
    "RemoteProtocolError": errors.ProtocolError,
    "LocalProtocolError": errors.ProtocolError,
    "ProtocolError": errors.ProtocolError,
    "DecodingError": errors.ProtocolError,
    "SSEError": errors.ProtocolError,
    "StreamError": errors.ProtocolError,
    "TooManyRedirects": errors.ProtocolError,
    "CookieConflict": errors.ProtocolError,
    "WebSocketError": errors.ProtocolError,
    "APIResponseValidationError": errors.ProtocolError,
    "APIWebhookValidationError": errors.ProtocolError,
}
VAGUE: Mapping[str, type[Fault]] = {
    "ReadTimeout": errors.FirstTokenTimeout,
    "WriteTimeout": errors.FirstTokenTimeout,
    "TimeoutException": errors.FirstTokenTimeout,
    "APITimeoutError": errors.FirstTokenTimeout,
    "NetworkError": errors.Reset,
    "TransportError": errors.Reset,
    "APIConnectionError": errors.Unreachable,
    "RequestError": errors.UpstreamError,
    "HTTPError": errors.UpstreamError,
    "OpenAIError": errors.UpstreamError,
    "AnthropicError": errors.UpstreamError,
}
BUILTIN: tuple[tuple[type[BaseException], type[Fault]], ...] = (
    (ssl.SSLEOFError, errors.Reset),
    (ssl.SSLZeroReturnError, errors.Reset),
    (ssl.SSLError, errors.TlsFailure),
    (ssl.CertificateError, errors.TlsFailure),
    (socket.gaierror, errors.Unreachable),
    (ConnectionRefusedError, errors.Unreachable),
    (ConnectionError, errors.Reset),
    (json.JSONDecodeError, errors.ProtocolError),
    (msgspec.MsgspecError, errors.ProtocolError),
    (UnicodeDecodeError, errors.ProtocolError),
    (RecursionError, errors.ProtocolError),
)
VAGUE_BUILTIN: tuple[tuple[type[BaseException], type[Fault]], ...] = (
    (TimeoutError, errors.FirstTokenTimeout),
    (OSError, errors.Unreachable),
)

# What vendors call a fault in `type` or `code`, where it says more than the status does.
TELLING: Mapping[str, type[Fault]] = {
    "context_length_exceeded": errors.PromptTooLarge,
    "exceed_context_size_error": errors.PromptTooLarge,
    "request_too_large": errors.PromptTooLarge,
    "insufficient_quota": errors.OutOfCredit,
    "billing_error": errors.OutOfCredit,
    "payment_required_error": errors.OutOfCredit,
    "enforced_spend_limit_reached": errors.OutOfCredit,
    "contract_spend_limit_reached": errors.OutOfCredit,
    "linked_organization_spend_limit_reached": errors.OutOfCredit,
    "linked_organization_billing_unavailable": errors.OutOfCredit,
    "model_not_found": errors.ModelNotFound,
}
# The same, where no status came with it: an error inside a 200.
ALONE: Mapping[str, type[Fault]] = {
    **TELLING,
    "authentication_error": errors.Unauthorized,
    "permission_error": errors.Unauthorized,
    "invalid_api_key": errors.Unauthorized,
    "wrong_api_key": errors.Unauthorized,
    "rate_limit_error": errors.Throttled,
    "rate_limit_exceeded": errors.Throttled,
    "too_many_requests_error": errors.Throttled,
    "too_many_tokens_error": errors.Throttled,
    "not_found_error": errors.ModelNotFound,
    "invalid_request_error": errors.Rejected,
}
# Some have no name for it: these are their words.
WORDS: tuple[tuple[re.Pattern[str], type[Fault]], ...] = (
    (re.compile(r"prompt is too long|context (length|size|window)", re.I), errors.PromptTooLarge),
    (re.compile(r"credit balance|insufficient balance|usage limits?", re.I), errors.OutOfCredit),
    (re.compile(r"model\b.{0,200}\bnot (exist|found)", re.I | re.S), errors.ModelNotFound),
)
DAILY = re.compile(r"per day|daily", re.I)

STATUS: Mapping[int, type[Fault]] = {
    401: errors.Unauthorized,
    402: errors.OutOfCredit,
    403: errors.Unauthorized,
    404: errors.ModelNotFound,
    408: errors.UpstreamError,
    409: errors.UpstreamError,
    413: errors.PromptTooLarge,
    425: errors.UpstreamError,
    429: errors.Throttled,
}
