"""One turn of a conversation by a model that gives a certain answer."""

from agents.conversation import Conversation
from tests.agents.reference import model, run


async def turn(message, *answer, **known):
    """The events of a turn, and the model that was asked."""
    options = {name: known.pop(name) for name in ("mode", "conversation_id") if name in known}
    agent, fake = model(Conversation, *(answer or ["Hello."]), **known)
    return await run(agent, message=message, **options), fake
