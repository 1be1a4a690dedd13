"""Fake clouds on 127.0.0.1, for tests: `python3 Tests/FakeClouds fal runway`. See core.py for how they are steered."""

from core import run
from fal_cloud import Fal
from google_cloud import Gemini, Omni, Vertex
from kling_cloud import Kling
from luma_cloud import Luma, LumaAgents
from minimax_cloud import MiniMax
from openai_cloud import OpenAI
from replicate_cloud import Replicate
from runway_cloud import Runway
from together_cloud import Together

CLOUDS = (OpenAI, Gemini, Omni, Vertex, Runway, Fal, MiniMax, Kling, Replicate, Luma, LumaAgents, Together)

run({cloud.name: cloud for cloud in CLOUDS})
