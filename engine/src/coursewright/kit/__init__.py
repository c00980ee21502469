"""What providers of remote services, voices and talking heads have in common. Any plugin may use it.

`coursewright[gradio]` and `coursewright[media]` install what `kit.gradio`, and `kit.speech` with `kit.clips`, need.
"""
