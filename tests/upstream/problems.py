"""How each vendor says no: status and JSON, in its own words and its own shape.

The key of a row is a status, or one of four reasons for which vendors differ even in the status:
`model` (no such model), `credit` (not paid), `prompt` (too long), `spend` (a limit of money or of
a day, which no short wait helps); `queue` is Cerebras's word for being full.
"""

from collections.abc import Callable, Mapping

Problem = tuple[int, dict[str, object]]
Key = int | str

_CLAUDE: dict[Key, tuple[int, str, str]] = {
    400: (400, "invalid_request_error", "messages: at least one message is required"),
    401: (401, "authentication_error", "invalid x-api-key"),
    402: (402, "billing_error", "There is an issue with your billing information."),
    403: (403, "permission_error", "Your API key does not have permission to use this resource."),
    404: (404, "not_found_error", "Not Found"),
    408: (408, "timeout_error", "Request timed out"),
    409: (409, "conflict_error", "The request conflicts with another one in progress."),
    413: (413, "request_too_large", "Request exceeds the maximum size"),
    422: (422, "invalid_request_error", "Unprocessable request"),
    429: (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    500: (500, "api_error", "Internal server error"),
    504: (504, "timeout_error", "Request timed out"),
    529: (529, "overloaded_error", "Overloaded"),
    "model": (404, "not_found_error", "model: {model}"),
    "credit": (400, "invalid_request_error", "Your credit balance is too low to access the API."),
    "prompt": (400, "invalid_request_error", "prompt is too long: 210040 tokens > 200000 maximum"),
    "spend": (429, "rate_limit_error", "You have reached your API usage limits."),
}
_CEREBRAS: dict[Key, tuple[int, str, str, str, str]] = {
    401: (401, "Wrong API Key", "invalid_request_error", "api_key", "wrong_api_key"),
    402: (402, "Payment required.", "payment_required_error", "quota", "payment_required"),
    429: (
        429,
        "Requests per minute limit exceeded - too many requests sent.",
        "too_many_requests_error",
        "quota",
        "request_quota_exceeded",
    ),
    500: (500, "Encountered a server error, please try again.", "server_error", "", ""),
    "queue": (
        429,
        "We're experiencing high traffic right now! Please try again soon.",
        "too_many_requests_error",
        "queue",
        "queue_exceeded",
    ),
    "model": (
        404,
        "Model {model} does not exist or you do not have access to it.",
        "not_found_error",
        "model",
        "model_not_found",
    ),
    "credit": (402, "Payment required.", "payment_required_error", "quota", "payment_required"),
    "prompt": (
        400,
        "Please reduce the length of the messages or completion.",
        "invalid_request_error",
        "messages",
        "context_length_exceeded",
    ),
    "spend": (
        429,
        "Tokens per day limit exceeded - too many tokens processed.",
        "too_many_tokens_error",
        "quota",
        "token_quota_exceeded",
    ),
}
_DEEPSEEK: dict[Key, tuple[int, str, str, str]] = {
    401: (
        401,
        "Authentication Fails, Your api key: ****fake is invalid",
        "authentication_error",
        "invalid_request_error",
    ),
    402: (402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
    429: (429, "Rate Limit Reached", "rate_limit_error", "rate_limit_error"),
    500: (500, "Internal Server Error", "internal_error", "internal_error"),
    503: (
        503,
        "Service is too busy. We advise users to temporarily switch to alternative LLM API "
        "service providers.",
        "service_unavailable_error",
        "service_unavailable_error",
    ),
    "model": (400, "Model Not Exist", "invalid_request_error", "invalid_request_error"),
    "credit": (402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
    "prompt": (
        400,
        "This model's maximum context length is 131072 tokens. However, you requested 140000 "
        "tokens. Please reduce the length of the messages or completion.",
        "invalid_request_error",
        "invalid_request_error",
    ),
}
_OLLAMA: dict[Key, tuple[int, str]] = {
    400: (400, "invalid message content type"),
    401: (401, "unauthorized"),
    404: (404, "model '{model}' not found"),
    429: (429, "too many concurrent requests"),
    500: (500, "model requires more system memory (9.6 GiB) than is available (7.1 GiB)"),
    503: (503, "server busy, please try again.  maximum pending requests exceeded"),
    "model": (404, "model '{model}' not found"),
    "prompt": (400, "the prompt exceeds the context length"),
}


def claude(status: int, why: str, model: str) -> Problem:
    code, kind, message = _CLAUDE.get(why or status) or (status, "api_error", f"Error {status}")
    error: dict[str, object] = {"type": kind, "message": message.format(model=model)}
    if why == "spend":
        error["details"] = {"error_code": "enforced_spend_limit_reached"}
    return code, {"type": "error", "error": error}


def cerebras(status: int, why: str, model: str) -> Problem:
    """Nothing stands around the fields."""
    other = (status, f"Error {status}", "invalid_request_error", "", "")
    code, message, *fields = _CEREBRAS.get(why or status) or other
    told = dict(zip(("type", "param", "code"), fields, strict=True))
    return code, {"message": message.format(model=model), **told}


def deepseek(status: int, why: str, model: str) -> Problem:
    other = (status, f"Error {status}", "unknown_error", "unknown_error")
    code, message, kind, name = _DEEPSEEK.get(why or status) or other
    return code, {"error": {"message": message, "type": kind, "param": None, "code": name}}


def ollama(status: int, why: str, model: str) -> Problem:
    code, message = _OLLAMA.get(why or status) or (status, f"error {status}")
    return code, {"error": message.format(model=model)}


PROBLEMS: Mapping[str, Callable[[int, str, str], Problem]] = {
    "claude": claude,
    "cerebras": cerebras,
    "deepseek": deepseek,
    "ollama": ollama,
}

REASONS: Mapping[str, frozenset[Key]] = {
    name: frozenset(key for key in table if isinstance(key, str))
    for name, table in (
        ("claude", _CLAUDE),
        ("cerebras", _CEREBRAS),
        ("deepseek", _DEEPSEEK),
        ("ollama", _OLLAMA),
    )
}
"""For which reasons each vendor says no in a way of its own."""
