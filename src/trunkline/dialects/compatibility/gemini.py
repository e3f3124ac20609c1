"""What becomes of what a Gemini caller may say, towards each upstream. Names are those of the official SDK's types."""

from trunkline.dialects.compatibility.table import (
    CARRIED_BY_ALL,
    DROPPED_BY_ALL,
    MAPPED_BY_ALL,
    REFUSED_BY_ALL,
    SEE_TOOLS,
    SERVED,
    CallerTable,
    FieldFate,
    Noted,
)
from trunkline.dialects.fates import MAPPED, REFUSED, Fate
from trunkline.dialects.gemini.contents import PART_EXTRAS

_FIELDS: dict[str, FieldFate] = {
    "cachedContent": "+",
    "contents": (MAPPED, ""),
    "continuationToken": (REFUSED, "the gateway goes on by itself"),
    "generationConfig.audioTimestamp": "+",
    "generationConfig.audioTranscriptionConfig": "+",
    "generationConfig.candidateCount": "n",
    "generationConfig.enableAffectiveDialog": "+",
    "generationConfig.enableEnhancedCivicAnswers": "+",
    "generationConfig.frequencyPenalty": "frequency_penalty",
    "generationConfig.imageConfig": "+",
    "generationConfig.logprobs": "top_logprobs",
    "generationConfig.maxOutputTokens": "max_output_tokens",
    "generationConfig.mediaResolution": "+",
    "generationConfig.modelSelectionConfig": "+",
    "generationConfig.presencePenalty": "presence_penalty",
    "generationConfig.responseFormat": "+",
    "generationConfig.responseJsonSchema": (MAPPED, "emulated where the model cannot keep a schema"),
    "generationConfig.responseLogprobs": "logprobs",
    "generationConfig.responseMimeType": (MAPPED, ""),
    "generationConfig.responseModalities": (REFUSED, "but `TEXT` alone"),
    "generationConfig.responseSchema": (MAPPED, ""),
    "generationConfig.routingConfig": "+",
    "generationConfig.seed": "seed",
    "generationConfig.speechConfig": "+",
    "generationConfig.stopSequences": "stop",
    "generationConfig.temperature": "temperature",
    "generationConfig.thinkingConfig": (MAPPED, "as an effort"),
    "generationConfig.topK": "top_k",
    "generationConfig.topP": "top_p",
    "generationConfig.translationConfig": "+",
    "labels": "+",
    "modelArmorConfig": "+",
    "outputConfig": (REFUSED, ""),
    "safetySettings": "+",
    "serviceTier": "service_tier",
    "store": "store",
    "systemInstruction": (MAPPED, ""),
    "toolConfig": (MAPPED, "see the choices below"),
    "tools": (MAPPED, SEE_TOOLS),
}

_TOOLS: dict[str, dict[str, Fate]] = {
    "functionDeclarations": MAPPED_BY_ALL,
    "googleSearch": SERVED,
    "codeExecution": SERVED,
    "googleSearchRetrieval": REFUSED_BY_ALL,
    "urlContext": REFUSED_BY_ALL,
    "fileSearch": REFUSED_BY_ALL,
    "computerUse": REFUSED_BY_ALL,
    "googleMaps": REFUSED_BY_ALL,
    "retrieval": REFUSED_BY_ALL,
    "enterpriseWebSearch": REFUSED_BY_ALL,
    "exaAiSearch": REFUSED_BY_ALL,
    "parallelAiSearch": REFUSED_BY_ALL,
    "mcpServers": REFUSED_BY_ALL,
}

_CHOICES: dict[str, Noted] = {
    "AUTO": (MAPPED_BY_ALL, ""),
    "ANY": (MAPPED_BY_ALL, "refused where the model cannot be forced"),
    "NONE": (MAPPED_BY_ALL, ""),
    "VALIDATED": (MAPPED_BY_ALL, "as `AUTO`"),
    "MODE_UNSPECIFIED": (MAPPED_BY_ALL, "as `AUTO`"),
    "allowedFunctionNames": (MAPPED_BY_ALL, "the other tools are withheld where the target has no such choice"),
    "streamFunctionCallArguments": (MAPPED_BY_ALL, "calls come whole"),
    "includeServerSideToolInvocations": (DROPPED_BY_ALL, "as `toolConfig`"),
    "retrievalConfig": (DROPPED_BY_ALL, "as `toolConfig`"),
}

_ITEMS: dict[str, Noted] = {
    "text": (MAPPED_BY_ALL, ""),
    "inlineData": (MAPPED_BY_ALL, "refused where the model reads none"),
    "fileData": (MAPPED_BY_ALL, "refused where the model reads none"),
    "functionCall": (MAPPED_BY_ALL, ""),
    "functionResponse": (MAPPED_BY_ALL, ""),
    "thought": (MAPPED_BY_ALL, ""),
    "thoughtSignature": (CARRIED_BY_ALL, "to the family that made it"),
    "executableCode": (MAPPED_BY_ALL, "told in words"),
    "codeExecutionResult": (MAPPED_BY_ALL, "told in words"),
    "toolCall": (MAPPED_BY_ALL, "told in words"),
    "toolResponse": (MAPPED_BY_ALL, "told in words"),
    **dict.fromkeys(PART_EXTRAS, (DROPPED_BY_ALL, "said of a part, beside what it is")),
}

TABLE = CallerTable(fields=_FIELDS, tools=_TOOLS, choices=_CHOICES, items=_ITEMS)
