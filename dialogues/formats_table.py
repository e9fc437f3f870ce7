"""FORMATS: every published shape that can be read, in the order in which they are tried."""

from __future__ import annotations

from ultraqa.dialogues import formats_keyed as keyed
from ultraqa.dialogues import formats_preference as preference
from ultraqa.dialogues import formats_speakers as spoken
from ultraqa.dialogues import formats_turns as listed
from ultraqa.dialogues import transcripts, trees
from ultraqa.dialogues.formats_keyed import Keyed, cases
from ultraqa.dialogues.formats_values import Format, Read


def _row(name: str, keys: str, shape: str, read: Read, source: str) -> Format:
    """A row of the table; ``keys`` are sets of keys with blanks inside a set and | between sets."""
    return Format(name, shape, read, source, tuple(frozenset(need.split()) for need in keys.split("|")))


def _pairs(asks: str, replies: str) -> str:
    """Every question key with every reply key, both in the same of the three cases."""
    pairs = [zip(cases(ask), cases(reply), strict=True) for ask in asks.split() for reply in replies.split()]
    return "|".join(" ".join(pair) for three in pairs for pair in three)


_ASKS = "question query problem input instruction prompt"
_REPLIES = "answer response output completion generation reply solution target"
_LISTS = "|".join(listed.LIST_KEYS)
_answered = Keyed(cases(*_ASKS.split()), cases(*_REPLIES.split()), above=cases("article", "passage", "context"))

# The first that reads a record wins: what is marked more clearly stands before what is more general.
# fmt: off
FORMATS: tuple[Format, ...] = (
    _row("oasst_tree", "message_tree_id prompt", "message_tree_id, prompt{text, role, replies[{…}]}",
         trees.read_tree, "OpenAssistant, trees"),
    _row("oasst_thread", "thread_id thread", "thread_id, thread[{text, role}]",
         trees.read_thread, "OpenAssistant, threads"),
    _row("oasst_message", "message_id parent_id text role", "message_id, parent_id, text, role, rank (a row a message)",
         trees.read_row, "OpenAssistant, oasst1 and oasst2"),
    _row("hh_rlhf", "chosen rejected", 'chosen, rejected: "\\n\\nHuman: … \\n\\nAssistant: …"',
         preference.read_hh, "Anthropic HH-RLHF"),
    _row("preference",
         "chosen rejected|chosen_messages rejected_messages|chosen_response rejected_response",
         "prompt | messages | conversations, chosen, rejected (text, message or messages)",
         preference.read_preference, "TRL, LLaMA-Factory, UltraFeedback, Orca DPO"),
    _row("kto", "messages label|messages kto_tag|conversations label|conversations kto_tag|prompt completion label",
         "messages | conversations | prompt and completion, label (true or false)",
         preference.read_kto, "TRL and LLaMA-Factory KTO"),
    _row("ultrachat_200k", "prompt prompt_id messages", "prompt, prompt_id, messages[{role, content}]",
         listed.read_messages, "UltraChat 200k"),
    _row("messages", "messages", "messages[{role, content, tool_calls?}], content text, null or parts",
         listed.read_messages, "OpenAI, TRL, axolotl"),
    _row("chitchat", "messages", "messages[[{text, sender}]]", spoken.read_chitchat, "PyPI package chitchat-dataset"),
    _row("kdconv", "messages", "messages[{message}], two speakers in turn", spoken.read_kdconv, "KdConv"),
    _row("sharegpt", "conversations|items", "conversations | items [{from, value}] or [{role, content}]",
         listed.read_sharegpt, "ShareGPT, Vicuna, OpenChat, LLaMA-Factory"),
    _row("lmsys", "conversation conversation_id", "conversation_id, conversation[{role, content}]",
         listed.read_conversation, "LMSYS-Chat-1M"),
    _row("wildchat", "conversation conversation_hash", "conversation_hash, conversation[{role, content}]",
         listed.read_conversation, "WildChat"),
    _row("capybara", "conversation", "conversation[{input, output}]", keyed.read_pairs, "Capybara"),
    _row("topical_chat", "content", "content[{message, agent}]", spoken.read_topical_chat, "Topical-Chat"),
    _row("sgd", "turns", "turns[{speaker, utterance}]", spoken.read_sgd, "Schema-Guided Dialogue, MultiWOZ 2.2"),
    _row("questions", "turns", "turns[text] or turns[{content}], all the user's",
         keyed.read_questions, "MT-bench, Vicuna bench, Arena-Hard"),
    _row("soda", "dialogue speakers", "dialogue[text], speakers[name]", spoken.read_soda, "SODA"),
    _row("turns", _LISTS, f"{' | '.join(listed.LIST_KEYS)} [{{role | from | speaker, content | value | text}}]",
         listed.read_listed, "any list of turns with roles"),
    _row("dailydialog", f"{_LISTS}|conversations|messages", "dialog[text], two speakers in turn",
         spoken.read_spoken, "DailyDialog"),
    _row("camel", "message_1", "message_1{role_type, content} | message_1 text, message_2, … (message_1 is the user's)",
         keyed.read_camel, "CAMEL AI society, code, science"),
    _row("koala", "human_0|gpt_0|human_1|gpt_1", "human_0, gpt_1, human_2, …", keyed.read_koala, "Koala"),
    _row("moss", "plain_text", "plain_text: [Human]: … <eoh> [MOSS]: … <eoa>", transcripts.read_moss, "MOSS"),
    _row("ultrachat", "data", "id, data[text], user and assistant in turn", listed.read_ultrachat, "UltraChat"),
    _row("self_instruct", "instruction instances", "instruction, instances[{input, output}], a dialogue an instance",
         keyed.read_self_instruct, "Self-Instruct seed tasks"),
    _row("camel_instructions", "instruction output specified_task|instruction output original_task",
         "role_1, role_2, original_task, specified_task, instruction, input, output",
         keyed.read_alpaca, "CAMEL AI society instructions"),
    _row("dolly", "instruction context response", "instruction, context, response, category",
         keyed.read_alpaca, "Databricks Dolly 15k"),
    _row("alpaca", _pairs("instruction", "output response completion answer"),
         "instruction, input?, output | response, system?, history?[[question, answer]]",
         keyed.read_alpaca, "Stanford Alpaca, GPT-4-LLM, CodeAlpaca, GPTeacher, LIMA, BELLE, LLaMA-Factory"),
    _row("openorca", "system_prompt question response", "system_prompt, question, response",
         Keyed(("question",), ("response",)), "OpenOrca"),
    _row("gpt4all", "prompt response source", "prompt, response, source",
         Keyed(("prompt",), ("response",)), "GPT4All-J"),
    _row("prompt_completion", _pairs("prompt", "completion generation response output answer"),
         "prompt, completion | generation | response | output | answer (text or messages)",
         keyed.read_prompt_completion, "Self-Instruct, TRL"),
    _row("belle", "input target", "input, target", Keyed(("input",), ("target",)), "BELLE 0.5M"),
    _row("input_output", _pairs("input", "output"), "input, output",
         Keyed(cases("input"), cases("output")), "axolotl"),
    _row("question_answer", _pairs(_ASKS, _REPLIES),
         f"{' | '.join(_ASKS.split())}, {' | '.join(_REPLIES.split())}, article?", _answered, "GSM8K, axolotl"),
    _row("baize", "input", "topic, input: [|Human|] … [|AI|] … [|Human|]", transcripts.read_baize, "Baize"),
    _row("history", "history", "history[{user, bot}]", keyed.read_history, "MT-bench-101"),
    _row("segments", "segments", "segments[{label, text}], label true is the assistant's",
         keyed.read_segments, "axolotl, template-free"),
    _row("transcript", "", 'conversation | dialogue | chat | text: "User 1: …", "User: … Assistant: …", "### Human: …"',
         transcripts.read_transcript, "Synthetic-Persona-Chat, Guanaco, Koala and Vicuna prompts, tables"),
    _row("prompt", "|".join(keyed.PROMPT_KEYS), "prompt | instruction | question | query | data, no answer",
         keyed.read_prompt, "question sets: WizardLM, Koala, UltraChat's and other evaluation prompts"),
    _row("text", "text", "text, one message of the assistant", keyed.read_text, "C4, pretraining text, HumanEval"),
    _row("column", "", "a transcript under any other key", transcripts.read_column, "tables"),
)
# fmt: on
