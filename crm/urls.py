"""Every address of the product. The apps bring their own; other apps are named by string only."""

from django.contrib import admin
from django.urls import include, path

from crm import probes, views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", views.change_password, name="password-change"),
    path("search/", views.search_page, name="search"),
    path("admin/", admin.site.urls),
    path("", include("pipeline.urls")),
    *probes.urlpatterns,
]

handler400 = "crm.errors.bad_request"
handler403 = "crm.errors.forbidden"
handler404 = "crm.errors.not_found"
handler500 = "crm.errors.server_error"
