"""Narration with any voice: long texts in parts, reference voices judged, and the time of every word.

from coursewright.kit.speech import narrate, sample_of

def run(self, request, context):
    voice = sample_of(request.voice, context) if request.voice else None
    return narrate(request, context, say, limit=500, key=[self.options, ...], parts_at_once=4)
"""

from __future__ import annotations

from coursewright.kit.speech.narrating import Said, narrate
from coursewright.kit.speech.sampling import sample_of

__all__ = ["Said", "narrate", "sample_of"]
