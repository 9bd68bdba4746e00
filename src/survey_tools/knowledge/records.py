"""What an entry is: one frozen, validated record a YAML file. Every record can be imported from here.

Rules shared by all: `schema_version` and `id` first, unknown keys refused, nothing coerced (a number where a
string is due is an error that says how to quote it). A relation is written on one side only; the other side
is derived in `survey.py`. Records know types and rules of a single record; whatever needs two files (an id that
must exist, a cycle) is in `references.py` and `check.py`.

    fields.py                what a field may hold, and the bases
    literature_records.py    papers
    head_records.py          head types, the framework, circuits, other naming schemes
    background_records.py    methods, benchmarks, glossary, open questions
    model_records.py         open models
"""

from __future__ import annotations

from survey_tools.knowledge.background_records import Benchmark as Benchmark
from survey_tools.knowledge.background_records import Benchmarks as Benchmarks
from survey_tools.knowledge.background_records import BenchmarkTable as BenchmarkTable
from survey_tools.knowledge.background_records import Glossary as Glossary
from survey_tools.knowledge.background_records import Method as Method
from survey_tools.knowledge.background_records import MethodGroup as MethodGroup
from survey_tools.knowledge.background_records import Methods as Methods
from survey_tools.knowledge.background_records import OpenQuestions as OpenQuestions
from survey_tools.knowledge.background_records import Question as Question
from survey_tools.knowledge.background_records import Term as Term
from survey_tools.knowledge.fields import ID_PATTERN as ID_PATTERN
from survey_tools.knowledge.fields import MODEL_ID_PATTERN as MODEL_ID_PATTERN
from survey_tools.knowledge.fields import SCHEMA_VERSION as SCHEMA_VERSION
from survey_tools.knowledge.fields import Correction as Correction
from survey_tools.knowledge.fields import Entry as Entry
from survey_tools.knowledge.fields import HeadName as HeadName
from survey_tools.knowledge.fields import Id as Id
from survey_tools.knowledge.fields import Plan as Plan
from survey_tools.knowledge.fields import Planned as Planned
from survey_tools.knowledge.fields import Record as Record
from survey_tools.knowledge.fields import Scalar as Scalar
from survey_tools.knowledge.fields import Stage as Stage
from survey_tools.knowledge.fields import Text as Text
from survey_tools.knowledge.fields import Url as Url
from survey_tools.knowledge.fields import When as When
from survey_tools.knowledge.head_records import Category as Category
from survey_tools.knowledge.head_records import Circuit as Circuit
from survey_tools.knowledge.head_records import CircuitHeads as CircuitHeads
from survey_tools.knowledge.head_records import Counterpart as Counterpart
from survey_tools.knowledge.head_records import Definition as Definition
from survey_tools.knowledge.head_records import Detection as Detection
from survey_tools.knowledge.head_records import Flow as Flow
from survey_tools.knowledge.head_records import Framework as Framework
from survey_tools.knowledge.head_records import FrameworkStage as FrameworkStage
from survey_tools.knowledge.head_records import HeadType as HeadType
from survey_tools.knowledge.head_records import Relation as Relation
from survey_tools.knowledge.head_records import Scheme as Scheme
from survey_tools.knowledge.head_records import SchemeName as SchemeName
from survey_tools.knowledge.head_records import Stack as Stack
from survey_tools.knowledge.head_records import Staging as Staging
from survey_tools.knowledge.head_records import Surveyed as Surveyed
from survey_tools.knowledge.literature_records import Claim as Claim
from survey_tools.knowledge.literature_records import HeadTypeUse as HeadTypeUse
from survey_tools.knowledge.literature_records import NotReproducible as NotReproducible
from survey_tools.knowledge.literature_records import Paper as Paper
from survey_tools.knowledge.literature_records import PaperIds as PaperIds
from survey_tools.knowledge.literature_records import PaperLinks as PaperLinks
from survey_tools.knowledge.literature_records import PublishedHead as PublishedHead
from survey_tools.knowledge.literature_records import Reproduction as Reproduction
from survey_tools.knowledge.literature_records import Summary as Summary
from survey_tools.knowledge.model_records import Checkpoints as Checkpoints
from survey_tools.knowledge.model_records import HubSource as HubSource
from survey_tools.knowledge.model_records import Licence as Licence
from survey_tools.knowledge.model_records import OpenModel as OpenModel
from survey_tools.knowledge.model_records import PackageSource as PackageSource
from survey_tools.knowledge.model_records import PlantedSource as PlantedSource
from survey_tools.knowledge.model_records import Shape as Shape
from survey_tools.knowledge.model_records import TrainedSource as TrainedSource
from survey_tools.knowledge.model_records import Wheel as Wheel
