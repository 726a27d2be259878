"""Every setting and its default: read once, checked whole, then passed down as a value.

Vendors' variables have the names their users know; ours begin with LEADSTREAM_. Keys are secrets:
their `repr()` is masked, and only the provider they belong to unwraps them.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_VENDORS = ("anthropic", "claude", "cerebras", "deepseek", "ollama")

Names = Annotated[tuple[str, ...], NoDecode]


def _vendor(name: str) -> str:
    return Field(default="", validation_alias=name)


def _key(name: str) -> SecretStr:
    return Field(default=SecretStr(""), validation_alias=name)


class Settings(BaseSettings):
    """All settings, as the environment gives them."""

    model_config = SettingsConfigDict(
        env_prefix="LEADSTREAM_", extra="ignore", frozen=True, populate_by_name=True
    )

    # Vendors. A base URL is what the vendor's SDK takes.
    anthropic_api_key: SecretStr = _key("ANTHROPIC_API_KEY")
    anthropic_base_url: str = _vendor("ANTHROPIC_BASE_URL")
    claude_model: str = _vendor("CLAUDE_MODEL")
    cerebras_api_key: SecretStr = _key("CEREBRAS_API_KEY")
    cerebras_base_url: str = _vendor("CEREBRAS_BASE_URL")
    cerebras_model: str = _vendor("CEREBRAS_MODEL")
    deepseek_api_key: SecretStr = _key("DEEPSEEK_API_KEY")
    deepseek_base_url: str = _vendor("DEEPSEEK_BASE_URL")
    deepseek_model: str = _vendor("DEEPSEEK_MODEL")
    ollama_base_url: str = _vendor("OLLAMA_BASE_URL")
    ollama_host: str = _vendor("OLLAMA_HOST")
    ollama_model: str = _vendor("OLLAMA_MODEL")

    # Who knows more of a lead.
    apollo_api_key: SecretStr = _key("APOLLO_API_KEY")
    apollo_base_url: str = _vendor("APOLLO_BASE_URL")
    clay_webhook_url: SecretStr = _key("CLAY_WEBHOOK_URL")
    clay_webhook_auth: SecretStr = _key("CLAY_WEBHOOK_AUTH")
    clay_callback_secret: SecretStr = _key("CLAY_CALLBACK_SECRET")
    clay_callback_wait_s: float = Field(default=5, ge=0, validation_alias="CLAY_CALLBACK_WAIT_S")
    reference_file: Path | None = None
    source_timeout_s: float = Field(default=10, gt=0)

    # Where it listens and what it keeps.
    host: str = "127.0.0.1"
    port: int = Field(default=8001, ge=0, le=65535)
    database_url: str = "sqlite:///leadstream.db"
    root_path: str = ""
    forwarded_allow_ips: str = Field(
        default="127.0.0.1,::1", validation_alias="FORWARDED_ALLOW_IPS"
    )
    frame_ancestors: str = ""
    log_format: Literal["auto", "json", "text"] = "auto"
    allowed_hosts: Names = ()
    insecure: bool = False

    # Who may use it, and how much.
    first_key: Literal["", "print"] = ""
    cors_origins: Names = ()
    starts_per_minute: int = Field(default=60, ge=1)
    daily_budget_usd: Decimal | None = Field(default=None, gt=0)

    # Which models answer.
    providers: Names = ()
    local_model: str = "bundled"
    scripted: bool = False

    # How long anything may take, in seconds.
    connect_timeout_s: float = Field(default=5, gt=0)
    first_token_timeout_s: float = Field(default=60, gt=0)
    idle_timeout_s: float = Field(default=30, gt=0)
    total_timeout_s: float = Field(default=600, gt=0)
    send_timeout_s: float = Field(default=30, gt=0)
    abandon_after_s: float = Field(default=300, gt=0)
    heartbeat_s: float = Field(default=15, gt=0)
    drain_s: float = Field(default=20, ge=0)

    # What happens when something fails.
    retry_attempts: int = Field(default=2, ge=0, le=10)
    retry_base_s: float = Field(default=0.5, ge=0)
    breaker_threshold: int = Field(default=5, ge=1)
    breaker_reset_s: float = Field(default=5, gt=0)
    recovery_attempts: int = Field(default=3, ge=0)

    # How much at once, and for how long it is kept.
    journal_interval_ms: float = Field(default=10, ge=0, le=1000)
    retention_days: float = Field(default=30, gt=0)
    max_streams: int = Field(default=400, ge=1)
    max_followers: int = Field(default=2000, ge=1)
    max_streams_per_client: int = Field(default=0, ge=0)
    max_followers_per_client: int = Field(default=0, ge=0)

    @field_validator("providers", "allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """`PROVIDERS=claude,local`: names, separated by commas."""
        if not isinstance(value, str):
            return value
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator("root_path")
    @classmethod
    def _rooted(cls, value: str) -> str:
        if value and (not value.startswith("/") or value.endswith("/")):
            raise ValueError("must begin with / and not end with it, as in /sales")
        return value

    @field_validator("frame_ancestors")
    @classmethod
    def _sources(cls, value: str) -> str:
        if not re.fullmatch(r"[ -~]*", value) or set(value) & set(";,"):
            raise ValueError("must be origins with a space between, as in https://crm.example")
        return value.strip()

    def vendor_settings(self) -> dict[str, str]:
        """What vendors are configured with, keys in the clear: for digests, never for showing."""
        names = [name for name in type(self).model_fields if name.split("_")[0] in _VENDORS]
        values = {name: getattr(self, name) for name in names}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in values.items()
        }

    @property
    def database_path(self) -> Path:
        return Path(self.database_url.removeprefix("sqlite:///"))

    @field_validator("database_url")
    @classmethod
    def _sqlite(cls, value: str) -> str:
        if not value.startswith("sqlite:///") or value in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("must name a SQLite file, as in sqlite:///leadstream.db")
        return value


class SettingsError(Exception):
    """The environment cannot be used; `faults` has one line for each bad value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError; a bad key's value is not repeated in it."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_fault(e["loc"], e["msg"]) for e in error.errors()]) from None


def _fault(place: tuple[int | str, ...], message: str) -> str:
    name = str(place[0])
    variable = name if name.isupper() else f"LEADSTREAM_{name.upper()}"
    return f"{variable}: {message.removeprefix('Value error, ')}"
