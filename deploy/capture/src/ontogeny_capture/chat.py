"""Conversations through a tokenizer's chat template, and whose turn each character is."""

from .failures import DataFailure, SettingsFailure, one_line


def is_conversation(value):
    return isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)


def render(tokenizer, messages, where):
    """The text of a conversation and [(end, role)], where each message ends; the template's own words count with the message they introduce."""
    if not getattr(tokenizer, "chat_template", None):
        raise SettingsFailure("the text column holds conversations but the tokenizer has no chat template: give --tokenizer of a model that has one")
    messages = [{k: v for k, v in m.items() if v is not None} for m in messages]
    text = apply(tokenizer, messages, where)
    ends, at = [], 0
    for number, message in enumerate(messages):
        if number == len(messages) - 1:
            at = len(text)
        else:
            at = end_of(tokenizer, messages, number, text, at, where)
        ends.append((at, str(message["role"])))
    return text, ends


def apply(tokenizer, messages, where):
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False)
    except Exception as error:  # a template is a program of its author's and may raise anything
        raise DataFailure(f"{where}: the chat template refuses the conversation: {one_line(error)}") from None


def end_of(tokenizer, messages, number, text, at, where):
    """Where a message ends: most templates render a conversation's beginning as the beginning of its text."""
    try:
        beginning = tokenizer.apply_chat_template(messages[: number + 1], tokenize=False)
    except Exception:  # some refuse to end with a system's or a user's turn
        beginning = None
    if beginning and text.startswith(beginning) and len(beginning) >= at:
        return len(beginning)
    content = messages[number].get("content")
    found = text.find(content.strip(), at) if isinstance(content, str) and content.strip() else -1
    if found < 0:
        raise DataFailure(f"{where}: the chat template changes message {number} so that its role cannot be told from the text")
    return found + len(content.strip())


def roles_of(offsets, ends):
    """The role of each token by the character at which it begins."""
    roles, turn = [], 0
    for begin, _ in offsets:
        while turn < len(ends) - 1 and begin >= ends[turn][0]:
            turn += 1
        roles.append(ends[turn][1])
    return roles
