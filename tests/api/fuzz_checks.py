"""What schemathesis counts as a mistake of the server's: any 5xx but one that was asked for.

A start may name a provider that is not configured here. That nobody can answer it then is no fault.
"""

import schemathesis


@schemathesis.check
def no_server_error(ctx, response, case):
    if response.status_code < 500:
        return
    named = isinstance(case.body, dict) and case.body.get("provider")
    problem = response.json()
    assert named and problem["code"] == "provider_unavailable", problem  # noqa: PT018
