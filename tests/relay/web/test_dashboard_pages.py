"""The pages of rq-dashboard load with their styles and scripts."""

import re

import pytest

from relay.web.dashboard import create_app

PAGES = ["/", "/0/view/workers", "/0/view/jobs/mercately/queued/8/asc/1"]


@pytest.mark.parametrize("page", PAGES)
def test_styles_and_scripts_of_a_page_are_served(page, redis, settings):
    client = create_app(settings).test_client()
    shown = client.get(page)
    assets = re.findall(r'(?:href|src)="(/[^"]*\.(?:css|js|ico))"', shown.get_data(as_text=True))

    assert shown.status_code == 200
    assert assets
    for asset in assets:
        with client.get(asset) as served:
            assert served.status_code == 200, asset
