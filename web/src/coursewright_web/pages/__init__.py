"""The pages, by area. Each area is a module with a controller; see web/README.md."""

from coursewright_web.pages.admin import AdminPages
from coursewright_web.pages.assets import AssetPages
from coursewright_web.pages.create import CreatePages
from coursewright_web.pages.doors import DoorController
from coursewright_web.pages.home import HomeController
from coursewright_web.pages.jobs import JobPages
from coursewright_web.pages.pipelines import PipelinePages
from coursewright_web.pages.providers import ProviderPages
from coursewright_web.pages.results import ResultPages
from coursewright_web.pages.settings import SettingsPages

CONTROLLERS = (
    DoorController,
    HomeController,
    JobPages,
    CreatePages,
    AssetPages,
    ResultPages,
    PipelinePages,
    ProviderPages,
    SettingsPages,
    AdminPages,
)
