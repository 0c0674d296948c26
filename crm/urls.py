"""Every address of the product. The apps bring their own; other apps are named by string only."""

from django.contrib import admin
from django.urls import include, path

from crm import account_views as account
from crm import probes, views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search_page, name="search"),
    path("sign-in/", account.sign_in_page, name="sign-in"),
    path("sign-out/", account.sign_out, name="sign-out"),
    path("password/reset/", account.ask_for_link, name="password-reset"),
    path("password/reset/sent/", account.link_sent, name="password-reset-sent"),
    path("password/reset/choose/", account.choose_password, name="password-reset-choose"),
    path("password/reset/<str:uid>/<str:token>/", account.open_link, name="password-reset-link"),
    path("profile/", account.profile, name="profile"),
    path("profile/password/", account.change_password, name="password-change"),
    path("", include("leads.urls")),
    path("", include("pipeline.urls")),
    path("admin/", admin.site.urls),
    *probes.urlpatterns,
]

handler400 = "crm.errors.bad_request"
handler403 = "crm.errors.forbidden"
handler404 = "crm.errors.not_found"
handler500 = "crm.errors.server_error"
