# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Successor heads, from the weights
#
# Does the OV circuit of a head turn a word of an ordered class (days, months, number words, ordinals, letters)
# into the next one? No prompt is read: a word's effective embedding, which is the residual stream after the first
# block with its attention silenced, goes through the head's norm, `W_V` and `W_O`, and is read as logits of the
# words of its class.
#
# The score is the share of words whose largest logit falls on the next word. The paired control is the best of
# three other maps (the word itself, the one before, the one after the next; exact sign test over words). The null
# puts a random orthogonal matrix between `W_V` and `W_O`. Then the heads found are ablated while the model
# continues sequences such as `Monday, Tuesday, Wednesday,`.

# %% tags=["parameters"]
model = "smollm2-135m-instruct"
entries = ["successor"]
seed = 0
null_draws = 100
cause_draws = 100
device = "cpu"
out = ""

# %%
from survey_tools import Settings, detect, load_model
from survey_tools.notebooks.display import hand_over, show

subject = load_model(model, device=device)
print(f"{subject.id}: {type(subject.network).__name__}, weights {subject.digest[:16]}")

# %% [markdown]
# ## Measure

# %%
settings = Settings(seed=seed, null_draws=null_draws, cause_draws=cause_draws)
measurements = detect(subject, entries, settings)
for measurement in measurements:
    print(f"{measurement.entry}: {measurement.verdict}, {len(measurement.found)} heads")

# %% [markdown]
# ## What was found

# %%
for measurement in measurements:
    show(measurement)

# %%
hand_over(measurements, out)
